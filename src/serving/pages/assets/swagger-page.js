// Shows the server's own description. Everything comes from this server; a key is kept for this tab only.

const KEY_NAME = 'quickserveml-key';
const element = id => document.getElementById(id);
const authorization = () => {
  const key = sessionStorage.getItem(KEY_NAME);
  return key === null ? {} : { authorization: `Bearer ${key}` };
};

async function open() {
  const response = await fetch('openapi.json', { headers: authorization() });
  if (response.status === 401) {
    const wrong = sessionStorage.getItem(KEY_NAME) !== null;
    sessionStorage.removeItem(KEY_NAME);
    element('key-form').hidden = false;
    element('problem').textContent = wrong ? 'The server does not know this key.' : '';
    return;
  }
  if (!response.ok) {
    element('problem').textContent = `The server answers ${response.status}.`;
    return;
  }
  element('key-form').hidden = true;
  element('problem').textContent = '';
  const spec = await response.json();
  // Where this page is, whatever a proxy puts in front of the path.
  spec.servers = [{ url: new URL('.', location.href).href.replace(/\/$/, '') }];
  window.SwaggerUIBundle({
    spec,
    dom_id: '#swagger',
    deepLinking: true,
    validatorUrl: null,
    requestInterceptor: request => {
      // Below what Swagger UI knows: it would show the key in its curl command.
      request.userFetch = (url, options) =>
        fetch(url, { ...options, headers: { ...authorization(), ...options.headers } });
      return request;
    },
  });
}

element('key-form').addEventListener('submit', event => {
  event.preventDefault();
  sessionStorage.setItem(KEY_NAME, element('key').value.trim());
  open();
});
open();
