"""How schemathesis writes and reads streams of records: lines of JSON, told as an array of what stands in them.

Loaded by SCHEMATHESIS_HOOKS. Behind the lines that schemathesis makes comes the document's own example. Beside the schemas,
each answer has to have a line for each that was sent, numbered from 1, the example's no error, and a last line that counts.
"""

import json

import schemathesis

PATH = "/model/batch"
MEDIA_TYPE = "application/x-ndjson"


def example_of(case):
    operation = case.operation.schema.raw_schema["paths"][PATH]["post"]
    return operation["requestBody"]["content"][MEDIA_TYPE]["example"]


@schemathesis.serializer(MEDIA_TYPE)
def serialize(ctx, value):
    """A text goes as it is, so that lines are broken too; what is no array is one line."""
    elements = value if isinstance(value, list) else [value]
    lines = [each if isinstance(each, str) else json.dumps(each) for each in elements]
    ends = [example_of(ctx.case)] if lines else []
    return "".join([*(line + "\n" for line in lines), *ends]).encode("utf-8", "surrogatepass")


@schemathesis.deserializer(MEDIA_TYPE)
def deserialize(ctx, response):
    return [json.loads(line) for line in response.content.decode().split("\n")[:-1]]


@schemathesis.check
def record_stream_is_whole(ctx, response, case):
    if case.path != PATH or response.status_code != 200:
        return
    sent = [line for line in (response.request.body or b"").split(b"\n") if line.strip(b" \t\n\v\f\r")]
    *answers, last = deserialize(ctx, response)
    failed = [answer["record"] for answer in answers if "error" in answer]
    assert [answer["record"] for answer in answers] == list(range(1, len(sent) + 1)), "a line for each, in order"
    assert last == {"records": len(sent), "failed": len(failed)}, "the last line counts"
    assert not sent or len(sent) not in failed, "the example is answered"
