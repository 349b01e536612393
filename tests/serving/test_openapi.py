"""The server's OpenAPI says what bodies hold and which refusals there are."""

import pytest
from starlette.testclient import TestClient

from tests.serving.made import colours, photo
from transferlearn.serving import app

pytestmark = pytest.mark.core


@pytest.fixture(scope="module")
def client():
    with TestClient(app({"colours": colours()})) as client:
        yield client


def test_bodies_and_refusals_are_described(client):
    paths = client.get("/openapi.json").json()["paths"]
    posts = {path: route["post"] for path, route in paths.items() if "post" in route}
    bare = [path for path, post in posts.items() if "requestBody" not in post]
    assert sorted(bare) == [
        "/v2/repository/index",
        "/v2/repository/models/{name}/load",
        "/v2/repository/models/{name}/unload",
    ]
    body = posts["/predict"]["requestBody"]
    assert body["required"]
    assert {"image/jpeg", "multipart/form-data", "application/json"} < set(body["content"])
    assert "text/plain" not in body["content"]  # this model takes photos
    assert all({"400", "503"} <= set(post["responses"]) for post in posts.values())
    tensors = posts["/v2/models/{name}/infer"]["responses"]["200"]["content"]
    assert "application/octet-stream" in tensors


@pytest.mark.parametrize("path", ["/predict", "/explain"])
def test_what_is_described_is_taken(client, path):
    files = {"file": ("a.png", photo((255, 0, 0)), "image/png")}
    answer = client.post(path, files=files)
    assert answer.status_code == (200 if path == "/predict" else 404)  # it says no reasons
    assert client.post("/v2/repository/models/colours/unload").status_code == 403
