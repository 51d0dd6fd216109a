"""python ask.py digit.png: is it fake? Needs gradio_client, and the app at this address."""

import sys

from gradio_client import Client, handle_file

app = Client("http://127.0.0.1:7860", verbose=False)
answer = app.predict(picture=handle_file(sys.argv[1]), api_name="/check")
if answer["verdict"] in ("fake", "real", "unsure"):
    print(f"{answer['verdict']}, fake_probability = {answer['fake_probability']:.4f}")
elif answer["verdict"]:
    print(f"{answer['verdict']} ({answer['reason']})")
else:
    print(answer["error"])
