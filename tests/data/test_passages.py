"""Texts that language models learn from: prompts with responses, conversations, and bad ones."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

import transferlearn as tl
from tests.language import Letters
from transferlearn.edge.chat import ChatTemplate, Part

CHAT = (
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}</>{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
ASKED = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]


class Chatting(Letters):
    chat_template = ChatTemplate(CHAT)


def loaded(source, length=64, tokenizer=None):
    kind = tl.data.Corpus(tokenizer=tokenizer or Chatting(), sequence_length=length)
    return tl.data.load(source, kind, tl.data.NextTokens())


def learnt(data):
    """The letters that each row learns, dots elsewhere."""
    return ["".join(chr(i) if i >= 0 else "." for i in row) for row in data.following]


def test_the_response_alone_is_learnt(tmp_path):
    data = loaded([{"prompt": "2 + 2 =", "response": " 4"}])
    assert data.texts == ["2 + 2 = 4"]
    assert learnt(data) == ["...... 4\x01."]
    assert data.targets.sizes.tolist() == [2]
    lines, table = tmp_path / "pairs.jsonl", tmp_path / "pairs.csv"
    lines.write_text(json.dumps({"prompt": "2 + 2 =", "response": " 4"}))
    table.write_text('text,prompt,response\nx,"2 + 2 ="," 4"\n')
    assert learnt(loaded(lines)) == learnt(data)
    assert learnt(loaded(table)) == ["......4\x01."]  # cells of a table have no blanks around


def test_what_the_assistant_says_is_learnt():
    more = [*ASKED, {"role": "user", "content": "?"}, {"role": "assistant", "content": "!"}]
    data = loaded([{"messages": more}])
    spoken = "<user>Hi</><assistant>Ho</>\x01<user>?</><assistant>!</>\x01"
    assert (
        bytes(data.items.start(np.arange(1))()[0].clip(0).astype("uint8")).decode().rstrip("\0")
        == spoken
    )
    (row,) = learnt(data)
    assert [part for part in row.split(".") if part] == ["Ho</>\x01", "!</>\x01"]
    assert row.index("Ho") == spoken.index("Ho") - 1
    plain = loaded([{"messages": ASKED}], tokenizer=Letters())
    assert plain.texts == ["user: Hi\nassistant: Ho\n"]
    assert learnt(plain)[0].strip(".") == " Ho\n\x01"


@pytest.mark.parametrize("size", [20, 21, 35, 60, 70])
def test_of_a_long_prompt_the_beginning_is_left_out(size):
    prompt, response = "p" * size, "abcdefghijklmnopqrstuvwxyz"
    with pytest.warns(tl.data.DataWarning, match=r"1 have prompts that do not fit"):
        data = loaded([{"prompt": prompt, "response": response}], length=10)
    rows = learnt(data)
    assert "".join(row.strip(".") for row in rows) == f"{response}\x01"
    first = bytes(data.items.start(np.arange(1))()[0].clip(0).astype("uint8")).decode()
    assert first.startswith("p")


def test_plain_texts_are_cut_as_ever():
    text = "abcdefghijklmnopqrstuvwxyz"
    rows = learnt(loaded([text], length=10))
    assert rows == ["bcdefghij.", "klmnopqrs.", "tuvwxyz\x01."]


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({"prompt": "a"}, "no response"),
        ({"response": "a"}, "no prompt"),
        ({"prompt": "a", "response": " "}, "no response"),
        ({"text": 3}, "no text"),
        ({"text": " "}, "empty"),
        (["a"], "no text"),
        ({"messages": []}, "messages are a list"),
        ({"messages": [{"role": "robot", "content": "a"}]}, "role 'robot'.*system, user, assist"),
        ({"messages": [{"role": "user", "content": 3}]}, "message 1 has no content"),
        ({"messages": ASKED[:1]}, "assistant says nothing"),
        ({"messages": ASKED[1:]}, "nobody has asked"),
        ({"messages": [*ASKED[:1], {"role": "assistant", "content": "\ud800"}]}, "half a char"),
    ],
)
def test_bad_records_are_named_by_their_line(record, words, tmp_path):
    lines = tmp_path / "lines.jsonl"
    lines.write_text(f"{json.dumps({'text': 'good'})}\n{json.dumps(record)}\n")
    with pytest.warns(tl.data.DataWarning, match=rf"line 2.*{words}"):
        data = loaded(lines)
    assert data.texts == ["good"]


def test_one_token_and_bytes(tmp_path):
    assert learnt(loaded(["a"])) == ["\x01."]
    (tmp_path / "bad.txt").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "good.md").write_text("Anna")
    with pytest.warns(tl.data.DataWarning, match=r"bad\.txt.*not UTF-8"):
        assert loaded(tmp_path).texts == ["Anna"]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
        ("{{ messages.append(1) }}", "unsafe"),
        ("{{ cycler.__init__.__globals__ }}", "unsafe"),
        ("{{ 'a' * 10**10 }}", "without end"),
        ("{% if", "unexpected"),
        ("{{ raise_exception('not so') }}", "not so"),
        ("{% include 'secret' %}", "loader"),
    ],
)
def test_templates_of_strangers_run_in_a_sandbox(source, words):
    with pytest.raises(ValueError, match=words):
        ChatTemplate(source).prompt(ASKED)
    assert ChatTemplate(CHAT).prompt(ASKED[:1]) == "<user>Hi</><assistant>"


def test_an_endless_template_is_ended(monkeypatch):
    monkeypatch.setattr("transferlearn.edge.chat._SECONDS", 0.3)
    endless = "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"
    with pytest.raises(ValueError, match=r"more than 0\.3 seconds"):
        ChatTemplate(endless).prompt(ASKED)
    monkeypatch.undo()
    assert ChatTemplate(CHAT).prompt(ASKED[:1]) == "<user>Hi</><assistant>"


def test_a_template_that_changes_what_it_has_written_is_refused():
    source = "{{ messages | length }}{% for m in messages %}{{ m.content }}{% endfor %}"
    with pytest.raises(ValueError, match="writes message 2 anew"):
        ChatTemplate(source).parts(ASKED)


def test_settings_make_the_template_again():
    template = ChatTemplate("{{ eos_token }}", (("eos_token", "</s>"),))
    again = ChatTemplate.load(json.loads(json.dumps(template.settings())))
    assert again == template
    assert again.prompt(ASKED) == "</s>"
    with pytest.raises(ValueError, match="No chat template"):
        ChatTemplate.load({"source": 3, "words": {}})
    assert template.settings()["words"] == {"eos_token": "</s>"}
    assert ChatTemplate().parts(ASKED)[1] == Part(" Ho\n", True)


@pytest.mark.skipif(not hasattr(os, "kill"), reason="needs signals")
def test_the_process_of_templates_ends_with_its_parent():
    code = (
        "from transferlearn.edge import chat\n"
        "chat.ChatTemplate().prompt([{'role': 'user', 'content': 'Hi'}])\n"
        "print(chat._worker._process.pid)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    assert not done.stderr
    with pytest.raises(ProcessLookupError):
        os.kill(int(done.stdout), 0)
