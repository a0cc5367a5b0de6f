# For mitmproxy: adds the credential at the last hop, as the gateway does, and nothing else of what that does.
import os

CREDENTIAL = os.environ["BENCH_CREDENTIAL"]


def request(flow):
    flow.request.headers["authorization"] = f"Bearer {CREDENTIAL}"
