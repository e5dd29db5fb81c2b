// The chart of the home page; its data stands in the page as JSON.
document.addEventListener("DOMContentLoaded", () => {
  const canvas = document.getElementById("weeks");
  if (!canvas) return;
  const data = JSON.parse(document.getElementById("weeks-data").textContent);
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const axis = (title, extra) => ({
    beginAtZero: true, border: { display: false },
    ticks: { color: colour("--cp-faint"), precision: 0, maxTicksLimit: 6 },
    title: { display: true, text: title, color: colour("--cp-faint"), font: { size: 12 } }, ...extra,
  });
  const draw = () => new Chart(canvas, {
    data: {
      labels: data.labels,
      datasets: [
        { type: "line", label: "Conversions", data: data.converted, yAxisID: "orders", order: 0,
          borderColor: "#f59e0b", backgroundColor: "#f59e0b", borderWidth: 2, pointRadius: 0, pointHoverRadius: 4, cubicInterpolationMode: "monotone" },
        { type: "bar", label: "Emails sent", data: data.sent, yAxisID: "mails", order: 1,
          backgroundColor: colour("--color-primary-400"), borderRadius: 4, categoryPercentage: .9, barPercentage: .9 },
      ],
    },
    options: {
      maintainAspectRatio: false, animation: false, interaction: { mode: "index", intersect: false },
      plugins: { legend: { align: "end", labels: { color: colour("--cp-body"), boxWidth: 10, boxHeight: 10, useBorderRadius: true, borderRadius: 3 } } },
      scales: {
        x: { grid: { display: false }, border: { display: false }, ticks: { color: colour("--cp-faint"), maxRotation: 0, autoSkipPadding: 24,
          callback(value) { return this.getLabelForValue(value).slice(0, 6); } } },
        mails: axis("Emails", { grid: { color: colour("--cp-line") } }),
        orders: axis("Conversions", { position: "right", grid: { display: false } }),
      },
    },
  });
  let chart = draw();
  new MutationObserver(() => { chart.destroy(); chart = draw(); })
    .observe(document.documentElement, { attributes: true, attributeFilter: ["class"] });
});
