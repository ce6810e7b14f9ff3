// How what asks for itself again (data-polls) behaves: rarely while nobody looks, and never into a sign-in page.
const HIDDEN_PAUSE_MS = 10_000;
let lastAsked = 0;

document.addEventListener("htmx:beforeRequest", (event) => {
  if (!event.detail.elt.hasAttribute("data-polls")) return;
  if (document.hidden && Date.now() - lastAsked < HIDDEN_PAUSE_MS) event.preventDefault();
  else lastAsked = Date.now();
});

// A session that has ended answers with the sign-in page, which must not land inside a card.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, requestConfig } = event.detail;
  const asked = new URL(requestConfig.path, location.href).pathname;
  if (new URL(xhr.responseURL).pathname === asked) return;
  event.preventDefault();
  location.reload();
});

// What changed is told to those who cannot see it.
document.addEventListener("htmx:afterSwap", ({ target }) => {
  const name = target.querySelector?.(".card-name")?.textContent;
  const state = target.querySelector?.(".state")?.textContent;
  const announcer = document.getElementById("announcer");
  const said = name && state ? `${name}: ${state}` : "";
  if (said && announcer.textContent !== said) announcer.textContent = said;
});
