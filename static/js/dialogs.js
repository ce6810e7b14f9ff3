// A button with data-opens="id" opens that dialog; one with data-closes closes the dialog it stands in.
document.addEventListener("click", ({ target }) => {
  const opener = target.closest("[data-opens]");
  if (opener) document.getElementById(opener.dataset.opens).showModal();
  const closer = target.closest("[data-closes]");
  if (closer) closer.closest("dialog").close();
});

// A menu is done with when something else is clicked, or with Escape.
const openMenus = () => document.querySelectorAll("details.menu[open]");

document.addEventListener("click", ({ target }) => {
  for (const menu of openMenus()) menu.open = menu.contains(target);
});

document.addEventListener("keydown", ({ key }) => {
  if (key !== "Escape") return;
  for (const menu of openMenus()) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});
