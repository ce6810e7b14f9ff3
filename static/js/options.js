// The options beside the drop zone. A fieldset with data-if="name value…" counts only while that choice is made: without
// values while nothing is chosen, with * while anything is.
const REMEMBERED_AS = "cutout options";
const NO_OPTIONS = ["backdrop", "csrfmiddlewaretoken"];

const zone = document.getElementById("dropzone");
const more = zone?.querySelector(".more");

/** The form for one image, of what the zone held when that was dropped. */
export function formOf(options, image) {
  const form = new FormData();
  for (const [name, value] of options) if (value !== "" && !NO_OPTIONS.includes(name)) form.set(name, value);
  form.set("image", image);
  return form;
}

/** Whether all that was entered can be sent; shows what cannot. */
export function areValid() {
  if (zone.checkValidity()) return true;
  more.open = true;
  return zone.reportValidity();
}

function settle() {
  const chosen = new FormData(zone);
  for (const part of zone.querySelectorAll("[data-if]")) {
    const [name, ...values] = part.dataset.if.split(" ");
    const value = chosen.get(name) ?? "";
    part.disabled = !(values[0] === "*" ? value : values.length > 0 ? values.includes(value) : !value);
  }
  document.getElementById("options-changed").hidden = ![...more.querySelectorAll("input, select")].some(isChanged);
}

function isChanged(control) {
  if (control.matches(":disabled")) return false;
  if (control.matches("select")) return control.value !== (control.querySelector("[selected]") ?? control.options[0]).value;
  return control.checked !== control.defaultChecked || control.value !== control.defaultValue;
}

function remember() {
  const texts = [...new FormData(zone)].filter(([name, value]) => typeof value === "string" && name !== "csrfmiddlewaretoken");
  sessionStorage.setItem(REMEMBERED_AS, JSON.stringify(texts));
}

function recall() {
  for (const [name, value] of JSON.parse(sessionStorage.getItem(REMEMBERED_AS) ?? "[]")) {
    const control = zone.elements[name];
    if (control?.type === "checkbox") control.checked = true;
    else if (control && (!control.options || [...control.options].some((option) => option.value === value))) control.value = value;
  }
}

function changed() {
  settle();
  remember();
}

if (zone) {
  recall();
  settle();
  zone.addEventListener("input", changed);
  zone.addEventListener("reset", () => setTimeout(changed)); // the form is as before until the event is over
  zone.addEventListener("submit", (event) => event.preventDefault()); // Enter in a field sends nothing: a drop does
}
