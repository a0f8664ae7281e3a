"""Requests to the toy models over REST, and what every answer has to look like."""

import json

HALF = "/v1/models/half:predict"
TWO = "/v1/models/two:predict"


def post(rest, path, body, **keywords):
    content = body if isinstance(body, (str, bytes)) else json.dumps(body)
    return rest.post(path, content=content, **keywords)


def error_of(response, code):
    """Return the message of an error answer after checking that nothing else is in it."""
    assert response.status_code == code, response.text
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert list(body) == ["error"] and isinstance(body["error"], str) and body["error"]
    return body["error"]


def ok(response):
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/json"
    return response.json()
