// The job's page: the slider's position, the background's colour, and two views that scroll as one.
// Which view, size and background is on is a radio button's state, which css/stage.css reads.
function moveSplit({ target }) {
  target.closest(".pictures").style.setProperty("--split", `${target.value}%`);
}

function showColour({ target }) {
  const stage = target.closest(".stage");
  stage.style.setProperty("--colour", target.value);
  stage.querySelector('[name="ground"][value="colour"]').checked = true;
}

function scrollAsOne([one, other]) {
  const follow = (leader, follower) => {
    leader.addEventListener("scroll", () => {
      follower.scrollTo(leader.scrollLeft, leader.scrollTop);
    });
  };
  follow(one, other);
  follow(other, one);
}

document.addEventListener("input", (event) => {
  if (event.target.matches(".split")) moveSplit(event);
  if (event.target.matches('[type="color"]')) showColour(event);
});

document.addEventListener("click", (event) => {
  if (event.target.matches('[type="color"]')) showColour(event);
});

function dress() {
  const views = document.querySelectorAll(".picture-view");
  if (views.length === 2) scrollAsOne(views);
}

dress();
document.addEventListener("htmx:afterSettle", dress);
