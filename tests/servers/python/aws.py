"""Calls one AWS operation, signed as the SDK signs it, and prints `{"status": 200, "body": {…}}`.

usage: aws.py ENDPOINT SERVICE OPERATION PARAMETERS-AS-JSON

The key comes from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, the region from AWS_DEFAULT_REGION. A refusal is an
answer like any other: exit 0, its status, and what the service said under "error".
"""

import json
import sys

import boto3
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError


def main() -> None:
    endpoint, service, operation, parameters = sys.argv[1:]
    once = Config(retries={"total_max_attempts": 1})
    client = boto3.client(service, endpoint_url=endpoint, config=once)
    try:
        body = getattr(client, xform_name(operation))(**json.loads(parameters))
        status = body.pop("ResponseMetadata")["HTTPStatusCode"]
        answer = {"status": status, "body": body}
    except ClientError as refusal:
        status = refusal.response["ResponseMetadata"]["HTTPStatusCode"]
        answer = {"status": status, "error": refusal.response["Error"]}
    json.dump(answer, sys.stdout, default=str)


main()
