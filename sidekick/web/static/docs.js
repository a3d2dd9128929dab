// Starts Swagger UI; the document is this site's own, and nothing is sent elsewhere to be checked.
SwaggerUIBundle({
  url: "/api/openapi.json",
  dom_id: "#docs",
  deepLinking: true,
  validatorUrl: null,
  supportedSubmitMethods: ["get", "put", "post", "delete"],
});
