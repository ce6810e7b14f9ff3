/** Why an image was not accepted. `retryAfterS` is given when the same request will be accepted later. */
export class Refusal extends Error {
  constructor(detail, retryAfterS = null) {
    super(detail);
    this.retryAfterS = retryAfterS;
  }
}

const LATER = [429, 503];
const DEFAULT_RETRY_S = 10;

function refusalOf(request) {
  if (request.status === 401) return new Refusal("Your session has ended. Sign in again in another tab, then try again.");
  const detail = request.response?.detail ?? `The server answered with status ${request.status}. Try again shortly.`;
  if (!LATER.includes(request.status)) return new Refusal(detail);
  return new Refusal(detail, Number(request.getResponseHeader("Retry-After")) || DEFAULT_RETRY_S);
}

/** Posts a form that holds one image; resolves with the job. XMLHttpRequest, because fetch() tells no upload progress. */
export function postImage(url, form, { csrfToken, onProgress }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", url);
    request.responseType = "json";
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("X-CSRFToken", csrfToken);
    request.upload.onprogress = ({ loaded, total }) => onProgress(loaded / total);
    request.onload = () => (request.status < 300 && request.response ? resolve(request.response) : reject(refusalOf(request)));
    request.onerror = () => reject(new Refusal("The connection broke off. Check it, then try again."));
    request.send(form);
  });
}
