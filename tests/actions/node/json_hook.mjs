// Gives JSON files the import attribute that the package forgot.
export async function load(url, context, next) {
  if (!url.endsWith(".json")) return next(url, context);
  return next(url, { ...context, importAttributes: { type: "json" } });
}
