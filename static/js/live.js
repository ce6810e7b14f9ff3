// What htmx does here beyond its own manners.
const ASKED_WHILE_HIDDEN = 0.1;

// What asks for itself again (data-polls) does so rarely while nobody looks.
document.addEventListener("htmx:beforeRequest", (event) => {
  const polls = event.detail.elt.hasAttribute("data-polls");
  if (polls && document.hidden && Math.random() > ASKED_WHILE_HIDDEN) event.preventDefault();
});

// A filter that is not set has no place in the address.
document.addEventListener("htmx:configRequest", ({ detail }) => {
  for (const [name, value] of [...detail.formData]) if (value === "") detail.formData.delete(name);
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
  const text = (selector) => target.querySelector?.(selector)?.textContent.trim() ?? "";
  const told = text(".card-name") ? `${text(".card-name")}: ${text(".state")}` : text(".lines-count, .empty h2");
  const announcer = document.getElementById("announcer");
  if (told && announcer.textContent !== told) announcer.textContent = told;
});
