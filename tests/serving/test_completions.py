"""OpenAI's clients let a language model write, whole and piece by piece, and nobody else's way."""

import http.client
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

pytest.importorskip("keras_hub")

from starlette.testclient import TestClient

import transferlearn as tl
from tests import language
from tests.serving.made import colours
from transferlearn.edge import Description, PromptReader, Runner, TensorSpec, WrittenReader
from transferlearn.edge.tokenizers import CharacterTokenizer
from transferlearn.edge.written import Piece
from transferlearn.serving import Settings, app

pytestmark = pytest.mark.filterwarnings("ignore:.*websockets")


def serving(*models, **limits):
    """A real server, see `test_connections`, where uvicorn is installed."""
    pytest.importorskip("uvicorn")
    pytest.importorskip("httptools")
    from tests.serving import test_connections

    return test_connections.serving(*models, **limits)


MESSAGES = [{"role": "user", "content": "Who sings?"}]


@pytest.fixture(scope="module")
def fitted():
    backbone = language.backbone(layers=1)
    builder = tl.CausalLMBuilder(backbone, sequence_length=32, freeze="none", seed=0)
    return builder.fit(language.stories(4), epochs=1, verbose=0)


@pytest.fixture
def client(fitted, tmp_path):
    settings = Settings(most_tokens=100, most_rows=3, log=tmp_path / "log.sqlite")
    with TestClient(app({"stories": fitted, "c": colours()}, settings=settings)) as opened:
        yield opened


def events(answer):
    """The chunks of a streamed answer, which ends as OpenAI's does."""
    assert answer.headers["content-type"].startswith("text/event-stream")
    *lines, last = [line for line in answer.text.split("\n\n") if line]
    assert last == "data: [DONE]"
    return [json.loads(line.removeprefix("data: ")) for line in lines]


def test_several_prompts_are_answered_as_generate_does(client, fitted):
    prompts = ["Anna", "Tom reads at"]
    expected = [one.text for one in fitted.generate(prompts, max_new_tokens=12)]
    asked = {"model": "stories", "prompt": prompts, "max_tokens": 12, "n": 1, "user": "me"}
    answer = client.post("/v1/completions", json=asked).json()
    assert [choice["text"] for choice in answer["choices"]] == expected
    assert [choice["index"] for choice in answer["choices"]] == [0, 1]
    assert {choice["finish_reason"] for choice in answer["choices"]} == {"length"}
    usage = {"prompt_tokens": 4 + 12, "completion_tokens": 24, "total_tokens": 40}
    assert answer["usage"] == usage
    assert answer["object"] == "text_completion"
    told = client.get("/metrics").text
    assert 'transferlearn_tokens_total{model="stories",which="written"} 24.0' in told
    assert 'transferlearn_items_total{model="stories"} 2.0' in told
    asked = {**asked, "stream": True, "stream_options": {"include_usage": True}}
    *chunks, last = events(client.post("/v1/completions", json=asked))
    texts = ["", ""]
    for chunk in chunks:
        for choice in chunk["choices"]:
            texts[choice["index"]] += choice["text"]
    assert texts == expected
    assert len(chunks) > 12
    assert last["usage"] == usage
    assert not last["choices"]


def test_settings_are_those_of_the_request(client, fitted):
    def text(**settings):
        asked = {"prompt": "Anna", "max_tokens": 12, **settings}
        return client.post("/v1/completions", json=asked).json()["choices"][0]

    drawn = {"temperature": 2.0, "seed": -1}
    assert text(**drawn) == text(**drawn) != text(temperature=2.0, seed=5)
    assert text(**drawn, top_p=1e-9)["text"] == text()["text"] == text(temperature=1e-310)["text"]
    stop = text()["text"][5:7]
    ended = text(stop=stop)
    assert ended["text"] == text()["text"].partition(stop)[0]
    assert ended["finish_reason"] == "stop"


def test_a_conversation_is_answered_without_blanks_around_it(client, fitted):
    prompt = fitted.kind.tokenizer.chat_template.prompt(MESSAGES)
    stop = fitted.kind.tokenizer.chat_template.ending()
    expected = fitted.generate(prompt, max_new_tokens=30, stop=stop).text.strip()
    asked = {"messages": MESSAGES, "max_completion_tokens": 30}
    answer = client.post("/v1/chat/completions", json=asked).json()
    assert answer["choices"][0]["message"] == {"role": "assistant", "content": expected}
    assert answer["usage"]["prompt_tokens"] == len(prompt)
    parts = [{"type": "text", "text": MESSAGES[0]["content"]}]
    asked = {**asked, "messages": [{"role": "user", "content": parts}], "stream": True}
    chunks = [
        chunk["choices"][0] for chunk in events(client.post("/v1/chat/completions", json=asked))
    ]
    assert chunks[0]["delta"] == {"role": "assistant", "content": ""}
    assert "".join(chunk["delta"].get("content", "") for chunk in chunks) == expected
    assert [chunk["finish_reason"] for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert chunks[-1]["finish_reason"] == "length"


WRONG = [
    ({}, "'prompt' is missing"),
    ({"prompt": ""}, "empty"),
    ({"prompt": []}, "'prompt' is missing or wrong"),
    ({"prompt": ["a", 1]}, "'prompt' is missing or wrong"),
    ({"prompt": "a\0b"}, "without zeros"),
    ({"prompt": ["a"] * 4}, "1 to 3 prompts"),
    ({"prompt": "a", "n": 2}, "'n' is missing or wrong: it is not offered"),
    ({"prompt": "a", "logprobs": 0}, "'logprobs'"),
    ({"prompt": "a", "tools": [{"type": "function"}]}, "'tools'"),
    ({"prompt": "a", "suffix": "b"}, "'suffix' is not offered"),
    ({"prompt": "a", "messages": MESSAGES}, "'messages' is not offered"),
    ({"prompt": "a", "max_tokens": 0}, "at least 1"),
    ({"prompt": "a", "max_tokens": 10**9}, "at most 100 tokens together"),
    ({"prompt": "a" * 100}, "a prompt of 100 tokens, and 1 to write"),
    ({"prompt": "a", "max_tokens": True}, "no whole number"),
    ({"prompt": "a", "temperature": -1}, "between 0 and 2"),
    ({"prompt": "a", "temperature": "1"}, "no number"),
    ({"prompt": "a", "top_p": 0}, "top_p"),
    ({"prompt": "a", "stop": [""]}, "'stop'"),
    ({"prompt": "a", "stop": ["x"] * 17}, "'stop'"),
    ({"prompt": "a", "seed": 1.5}, "'seed'"),
    ({"prompt": "a", "stream": "yes"}, "'stream'"),
    ({"prompt": "a", "stream_options": {"include_usage": True}}, "'stream_options'"),
    ({"prompt": "a", "model": "c"}, "c writes no texts"),
]


@pytest.mark.parametrize(("asked", "why"), WRONG, ids=range(len(WRONG)))
@pytest.mark.parametrize("stream", [False, True])
def test_what_is_wrong_is_said_in_openais_form(client, asked, why, stream):
    if stream and asked.get("stream_options") is None:
        asked = {"stream": True, **asked}
    answer = client.post("/v1/completions", json=asked)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert why in error["message"]
    assert error["type"] == "invalid_request_error"
    assert error.keys() == {"message", "type", "param", "code"}


@pytest.mark.parametrize(
    ("messages", "why"),
    [
        ([], "'messages' is missing"),
        ("hello", "'messages' is missing"),
        ([{"role": "boss", "content": "a"}], "the role 'boss'"),
        ([{"role": "user", "content": None}], "no content"),
        ([{"role": "user", "content": [{"type": "image_url"}]}], "parts of the type text"),
        ([{"role": "assistant", "content": "a"}], "nobody has asked"),
    ],
    ids=range(6),
)
def test_messages_that_are_none_are_refused(client, messages, why):
    answer = client.post("/v1/chat/completions", json={"messages": messages})
    assert answer.status_code == 400
    assert why in answer.json()["error"]["message"]


def test_other_refusals_have_that_form_too(client, fitted):
    unknown = client.post("/v1/completions", json={"model": "gpt", "prompt": "a"})
    assert unknown.status_code == 404
    assert unknown.json()["error"]["code"] == "model_not_found"
    assert "no JSON" in client.post("/v1/completions", content=b"{").json()["error"]["message"]
    assert client.get("/v1/completions").json()["error"]["message"]
    with TestClient(app(fitted, settings=Settings(api_key="secret"))) as locked:
        refused = locked.post("/v1/completions", json={"prompt": "a"})
        assert refused.status_code == 401
        assert refused.json()["error"]["type"] == "authentication_error"
        key = {"Authorization": "Bearer secret"}
        assert locked.post("/v1/completions", json={"prompt": "a"}, headers=key).is_success


def test_models_are_listed_for_kserve_and_openai(client):
    told = client.get("/v1/models").json()
    assert told["models"] == [one["id"] for one in told["data"]] == ["stories", "c"]
    one = client.get("/v1/models/stories").json()
    assert (one["ready"], one["object"]) == (True, "model")


class Slow:
    """Writes without end, and counts its steps."""

    context, most_new = None, 64

    def __init__(self):
        self.steps = 0
        self.ended = threading.Event()

    def write(self, prompts, options):
        try:
            for count in range(options["max_new_tokens"]):
                time.sleep(0.01)
                self.steps += 1
                yield [(0, Piece("é", count + 1, False))]
        finally:
            self.ended.set()


def writing_runner():
    """A runner of a model that writes a text for each item, without its network."""
    return Runner.of(
        Description(
            format="keras",
            model="none",
            quantize=None,
            inputs={"token_ids": TensorSpec((None, None), "int32")},
            outputs={"text": TensorSpec((None, None), "uint8")},
            item_reader={},
            output_reader={},
            model_hash="abc",
            made_by={},
        ),
        PromptReader(CharacterTokenizer(), 2**17, padding=-1),
        WrittenReader(),
        None,
    )


def test_a_model_that_writes_for_items_names_the_way_to_ask_it():
    with TestClient(app({"translator": writing_runner()})) as client:
        answer = client.post("/v1/completions", json={"prompt": "a"})
    assert answer.status_code == 400
    assert "send items to POST /predict?model=translator" in answer.json()["error"]["message"]


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_goes_away_stops_the_work(stream):
    runner = writing_runner()
    runner.writer = Slow()
    body = json.dumps({"prompt": "a", "max_tokens": 4000, "stream": stream})
    with serving({"slow": runner}, workers=1, waiting=1) as port:
        asking, waiting = (http.client.HTTPConnection("127.0.0.1", port) for _ in range(2))
        for client in (asking, waiting):
            client.request("POST", "/v1/completions", body, {"Content-Type": "application/json"})
            if client is asking and stream:
                assert client.getresponse().read(6) == b"data: "
            while not runner.writer.steps:
                time.sleep(0.01)
        time.sleep(0.1)
        waiting.close()
        asking.sock.close() if asking.sock else None
        asking.close()
        assert runner.writer.ended.wait(20)
        assert runner.writer.steps < 3000
        steps = runner.writer.steps
        time.sleep(0.3)
        assert runner.writer.steps == steps  # the one that waited has not begun


def test_openais_client_is_answered_eight_times_at_once(fitted):
    openai = pytest.importorskip("openai")
    prompts = [*language.stories(7, seed=3), "Anna"]
    expected = [one.text for one in fitted.generate(prompts, max_new_tokens=10)]
    with serving({"stories": fitted}, api_key="secret") as port:
        base = f"http://127.0.0.1:{port}/v1"
        client = openai.OpenAI(base_url=base, api_key="secret", max_retries=0)

        def streamed(prompt):
            chunks = client.completions.create(
                model="stories", prompt=prompt, max_tokens=10, stream=True
            )
            return "".join(chunk.choices[0].text for chunk in chunks)

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(streamed, prompts)) == expected
        whole = client.completions.create(model="stories", prompt=prompts, max_tokens=10)
        assert [choice.text for choice in whole.choices] == expected
        assert whole.usage.completion_tokens == 80
        chat = client.chat.completions.create(model="stories", messages=MESSAGES, max_tokens=5)
        said = client.chat.completions.create(
            model="stories",
            messages=MESSAGES,
            max_tokens=5,
            stream=True,
            stream_options={"include_usage": True},
        )
        *chunks, last = said
        told = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
        assert told == chat.choices[0].message.content
        assert last.usage == chat.usage
        assert [one.id for one in client.models.list()] == ["stories"]
        with pytest.raises(openai.BadRequestError, match="'n'"):
            client.completions.create(model="stories", prompt="a", n=2)
        with pytest.raises(openai.NotFoundError, match="no model"):
            client.chat.completions.create(model="gpt-4", messages=MESSAGES)
        with pytest.raises(openai.AuthenticationError):
            openai.OpenAI(base_url=base, api_key="wrong").models.list()
