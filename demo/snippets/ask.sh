#!/bin/sh
# sh ask.sh digit.png: the answer as JSON. Needs curl, and the app at this address.
set -eu
app=http://127.0.0.1:7860/gradio_api

# Send the file; the app answers with its path: ["PATH"].
sent=$(curl -fsS -F "files=@\"$1\"" "$app/upload")
path=$(echo "$sent" | sed 's/^\["//; s/"\]$//')

# Ask; the app gives the question a number: {"event_id": "NUMBER"}.
asked=$(curl -fsS "$app/call/check" -H "Content-Type: application/json" \
  -d '{"data": [{"path": "'"$path"'", "meta": {"_type": "gradio.FileData"}}]}')
number=$(echo "$asked" | sed 's/.*: *"//; s/".*//')

# Under that number comes the answer, as an event whose data is a list of one.
curl -fsS "$app/call/check/$number" | sed -n 's/^data: //p'
