import { areValid, formOf } from "./options.js";
import { PendingCard } from "./pending-card.js";
import { postImage } from "./upload.js";

const AT_ONCE = 3;
const DOWNLOAD_PAUSE_MS = 400;

const zone = document.getElementById("dropzone");
const visit = document.getElementById("visit");
const cards = document.getElementById("visit-cards");
const downloadAll = document.getElementById("download-all");

const waiting = [];
let sending = 0;

const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

function add(files) {
  if (!areValid()) return;
  const options = new FormData(zone);
  for (const file of files) {
    const card = new PendingCard(file, options);
    card.onAction((action) => (action === "retry" ? enqueue(card) : dismiss(card)));
    cards.prepend(card.element);
    enqueue(card);
  }
}

function enqueue(card) {
  card.showWaiting("Waiting to upload");
  waiting.push(card);
  sendNext();
}

function dismiss(card) {
  card.element.remove();
  recount();
}

function sendNext() {
  while (sending < AT_ONCE && waiting.length > 0) {
    sending += 1;
    send(waiting.shift()).finally(() => {
      sending -= 1;
      sendNext();
    });
  }
  recount();
}

/** A card that was told to come later keeps its place: then the others do not run into the same limit. */
async function send(card) {
  try {
    const job = await postImage(zone.action, formOf(card.options, card.file), {
      csrfToken: card.options.get("csrfmiddlewaretoken"),
      onProgress: (share) => card.showProgress(share),
    });
    await card.becomeJob(job.id);
  } catch (refusal) {
    if (!refusal.retryAfterS) {
      card.showRefusal(refusal.message);
      return;
    }
    await countDown(card, refusal);
    await send(card);
  }
}

async function countDown(card, refusal) {
  for (let left = refusal.retryAfterS; left > 0; left -= 1) {
    card.showWaiting(`${refusal.message} Trying again in ${left} s.`);
    await pause(1000);
  }
}

function recount() {
  const all = cards.children.length;
  const done = cards.querySelectorAll(':scope > [data-state="succeeded"]').length;
  visit.hidden = all === 0;
  zone.classList.toggle("compact", all > 0);
  downloadAll.hidden = done < 2;
  document.getElementById("visit-count").textContent = `${done} of ${all} done`;
}

async function downloadInTurn() {
  for (const link of cards.querySelectorAll("a[download]")) {
    link.click();
    await pause(DOWNLOAD_PAUSE_MS);
  }
}

function listen() {
  const files = document.getElementById("files");
  files.addEventListener("change", () => {
    add(files.files);
    files.value = "";
  });
  document.addEventListener("paste", ({ clipboardData }) => add(clipboardData.files));
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    zone.classList.add("is-over");
  });
  document.addEventListener("dragleave", ({ relatedTarget }) => zone.classList.toggle("is-over", relatedTarget !== null));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("is-over");
    add(event.dataTransfer.files);
  });
  document.addEventListener("htmx:afterSwap", recount);
  downloadAll.addEventListener("click", downloadInTurn);
}

if (zone) listen();
