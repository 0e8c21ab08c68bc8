// The page under /api/v1/docs/: Swagger UI over our own schema. Signed in, it may be tried out from there.
const place = document.getElementById("api");

function cookie(name) {
  const found = document.cookie.split("; ").find((pair) => pair.startsWith(`${name}=`));
  return found ? decodeURIComponent(found.slice(name.length + 1)) : "";
}

window.SwaggerUIBundle({
  url: place.dataset.schema,
  domNode: place,
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
  requestInterceptor(request) {
    if (!["GET", "HEAD"].includes(request.method || "GET")) {
      request.headers["X-CSRFToken"] = cookie("csrftoken");
    }
    return request;
  },
});
