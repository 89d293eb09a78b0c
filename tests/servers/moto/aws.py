"""Calls one AWS operation, signed as the SDK signs it, and prints `{"status": 200, "body": {…}}`.

usage: aws.py ENDPOINT SERVICE OPERATION PARAMETERS-AS-JSON

The key comes from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, the region from AWS_DEFAULT_REGION. A refusal is an
answer like any other: exit 0, its status, and what the service said under "error".
"""

import json
import sys

import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.xform_name import xform_name if False else None
