for (const each of document.querySelectorAll("time")) {
  const at = new Date(each.dateTime);
  if (at.getTimezoneOffset() === 0) continue;
  const here = document.createElement("span");
  here.textContent = at.toLocaleString(undefined, {
    day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit",
    timeZoneName: "short",
  });
  each.nextElementSibling.after(here);
}
