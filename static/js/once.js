// The page answers a form. Reloaded, it is to show the list again, not to send the form again.
history.replaceState(null, "", document.querySelector("[data-reloads-as]").dataset.reloadsAs);
