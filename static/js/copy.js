// A button with data-copies="id" copies the text of that element and says so.
const SAID_FOR_MS = 2000;

async function copy(source) {
  try {
    await navigator.clipboard.writeText(source.textContent);
    return "Copied";
  } catch {
    // Without https a page may not write to the clipboard; a person may.
    getSelection().selectAllChildren(source);
    return "Selected: copy it now";
  }
}

for (const button of document.querySelectorAll("[data-copies]")) {
  const label = button.querySelector("span");
  const usual = label.textContent;
  button.addEventListener("click", async () => {
    label.textContent = await copy(document.getElementById(button.dataset.copies));
    document.getElementById("announcer").textContent = label.textContent;
    setTimeout(() => { label.textContent = usual; }, SAID_FOR_MS);
  });
}
