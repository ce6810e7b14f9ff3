const template = document.getElementById("pending-card");

/** The card of a file that is not a job yet. */
export class PendingCard {
  constructor(file, options) {
    this.file = file;
    this.options = options;
    this.element = template.content.firstElementChild.cloneNode(true);
    this.#part(".card-name").textContent = file.name;
    this.#showPreview();
  }

  onAction(act) {
    this.element.addEventListener("click", ({ target }) => {
      const button = target.closest("button");
      if (button) act(button.value);
    });
  }

  showWaiting(text) {
    this.#show("queued", text);
  }

  showProgress(share) {
    this.#show("uploading", share < 1 ? "Uploading" : "Checking");
    this.#part("progress").value = share;
  }

  showRefusal(detail) {
    this.#show("failed", "Not accepted", detail);
  }

  /** Hands the place over to the card that the server draws; the preview stays until there is a cutout. */
  async becomeJob(id) {
    this.#part(".card-media").firstElementChild.id = `preview-${id}`;
    // Its own source: htmx sends one request at a time for each, and drops those in between.
    await window.htmx.ajax("GET", `/jobs/${id}/card/`, { source: this.element, target: this.element, swap: "outerHTML" });
  }

  #part(selector) {
    return this.element.querySelector(selector);
  }

  #show(state, text, detail = "") {
    this.element.dataset.state = this.#part(".card-state").dataset.state = state;
    this.#part(".card-state").textContent = text;
    this.#part(".card-detail").textContent = detail;
    this.#part(".card-detail").hidden = !detail;
    this.#part("progress").hidden = state !== "uploading";
    this.#part(".actions").hidden = state !== "failed";
  }

  /** Only what the browser can show: for the other formats the blank stays. */
  #showPreview() {
    const image = new Image();
    image.src = URL.createObjectURL(this.file);
    image.alt = "";
    image.decode().then(
      () => this.#part(".card-blank")?.replaceWith(image),
      () => {},
    ).finally(() => URL.revokeObjectURL(image.src));
  }
}
