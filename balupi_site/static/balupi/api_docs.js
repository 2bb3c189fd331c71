"use strict";
// Shows the API's description; what is tried out goes with the reader's own session.
const place = document.getElementById("api");
SwaggerUIBundle({
  url: place.dataset.schema,
  dom_id: "#api",
  deepLinking: true,
  docExpansion: "none",
  requestInterceptor: (request) => {
    if (request.method && request.method !== "GET") request.headers["X-CSRFToken"] = place.dataset.csrf;
    return request;
  },
});
