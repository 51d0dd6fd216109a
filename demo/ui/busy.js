// Gradio's page answers 503 in English. For a call that finds the queue full it shows the text of an answer with
// another status; for an upload it shows the text of the answer itself.
const send = window.fetch;
window.fetch = async (...request) => {
  const answer = await send(...request);
  if (answer.status !== 503) return answer;
  const messages = props.messages[navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en'];
  const path = new URL(answer.url).pathname;
  if (path.endsWith('/upload')) return new Response(messages.file, { status: 503 });
  if (path.endsWith('/queue/join')) return Response.json({ detail: messages.call }, { status: 429 });
  return answer;
};
