// Admin, periodic tasks: says in words what the chosen crontab means, below the choice.
(() => {
  const words = JSON.parse(document.getElementById("readable-crontabs").textContent);
  const choice = document.getElementById("id_crontab");
  const field = document.querySelector(".field-crontab_translation");
  const place = field && field.querySelector(".readonly");
  if (!choice || !place) return;
  const tell = () => { place.textContent = words[choice.value] || "-"; };
  choice.addEventListener("change", tell);
  tell();
})();
