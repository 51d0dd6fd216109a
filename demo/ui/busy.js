// For a call answered 503 Gradio shows an English sentence of its own; for another status it shows the answer's
// detail, and for an upload the answer as it is. This translates both.
const ask = window.fetch;
window.fetch = async (...request) => {
  const answer = await ask(...request);
  if (answer.status !== 503) return answer;
  const says = props.says[navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en'];
  const path = new URL(answer.url).pathname;
  if (path.endsWith('/upload')) return new Response(says.file, { status: 503 });
  if (!path.endsWith('/queue/join')) return answer;
  const { detail } = await answer.json().catch(() => ({}));
  return Response.json({ detail: detail ?? says.call }, { status: 429 });
};
