// Follow a running import; when it ends, the page is loaded again and shows the result.
(() => {
  const place = document.querySelector("[data-progress]");
  if (!place) return;
  const bar = place.querySelector("progress");
  const number = new Intl.NumberFormat("en");
  const look = async () => {
    const answer = await fetch(place.dataset.progress, { headers: { Accept: "application/json" } });
    if (!answer.ok) return;
    const job = await answer.json();
    if (!job.is_going_on) {
      window.location.reload();
      return;
    }
    if (job.percent !== null) bar.value = job.percent;
    place.querySelector("[data-done]").textContent = number.format(job.done);
    if (job.total !== null) place.querySelector("[data-total]").textContent = number.format(job.total);
    window.setTimeout(look, 1000);
  };
  window.setTimeout(look, 700);
})();
