// Of a call that is answered 503 the page says, in English, that the application is busy, whatever the answer
// says; of one with another status it says what the answer does. Of an upload it shows the answer as it is.
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
