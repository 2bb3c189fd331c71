// Before anything is drawn: light or dark as it was chosen on the dashboard, "" as the device wishes.
document.documentElement.dataset.theme = document.currentScript.dataset.theme || "auto";
