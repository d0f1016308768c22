// Shows every operation of openapi.json and sends it as filled in. The token is kept in this page's memory only.
"use strict";

const METHODS = ["get", "post", "put", "patch", "delete"];
let spec;
let tokens = null;

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key in made && key !== "list") made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

function resolve(schema) {
  while (schema && schema.$ref) schema = schema.$ref.split("/").slice(1).reduce((at, key) => at[key], spec);
  return schema || {};
}

function example(schema, depth = 0) {
  schema = resolve(schema);
  if (schema.examples && schema.examples.length) return schema.examples[0];
  if (schema.example !== undefined) return schema.example;
  if (schema.default !== undefined) return schema.default;
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  const choice = (schema.anyOf || schema.oneOf || schema.allOf || [])[0];
  if (choice) return example(choice, depth);
  if (schema.type === "array") return depth > 4 ? [] : [example(schema.items, depth + 1)];
  if (schema.type === "object" || schema.properties) {
    const pairs = depth > 4 ? [] : Object.entries(schema.properties || {});
    return Object.fromEntries(pairs.map(([key, value]) => [key, example(value, depth + 1)]));
  }
  return { string: "", integer: 0, number: 0, boolean: false }[schema.type] ?? null;
}

function field(parameter) {
  const schema = resolve(parameter.schema);
  const values = schema.enum || (schema.anyOf || []).map(resolve).flatMap((one) => one.enum || []);
  const name = `${parameter.in}:${parameter.name}`;
  const shown = parameter.example ?? (parameter.examples ? "" : undefined) ?? schema.examples?.[0];
  const input = values.length
    ? element("select", { name }, element("option", { value: "" }), ...values.map((value) => element("option", { value }, String(value))))
    : element("input", { name, placeholder: shown === undefined ? schema.type || "" : String(shown) });
  input.required = Boolean(parameter.required);
  const told = element("span", { className: parameter.required ? "required" : "" }, parameter.name);
  const more = [parameter.in, schema.default !== undefined && schema.default !== null ? `default ${schema.default}` : "", parameter.description || schema.description || ""];
  return element("label", {}, element("span", {}, told, element("small", {}, more.filter(Boolean).join(" · "))), input);
}

function answers(operation) {
  const rows = Object.entries(operation.responses || {}).map(([status, response]) =>
    element("tr", {}, element("td", {}, element("code", {}, status)), element("td", {}, resolve(response).description || "")));
  return element("details", {}, element("summary", {}, "Answers"), element("table", { className: "inside" }, ...rows));
}

function address(path, form) {
  const query = new URLSearchParams();
  const headers = {};
  for (const [key, value] of new FormData(form)) {
    const [where, ...rest] = key.split(":");
    const name = rest.join(":");
    if (where === "path") path = path.replace(`{${name}}`, encodeURIComponent(value));
    if (value === "") continue;
    if (where === "query") query.append(name, value);
    if (where === "header") headers[name] = value;
  }
  const tail = query.toString();
  return [path + (tail ? `?${tail}` : ""), headers];
}

async function send(method, path, kind, form, output) {
  const [url, headers] = address(path, form);
  if (tokens) headers.Authorization = `Bearer ${tokens.access_token}`;
  const body = form.elements.body ? form.elements.body.value : undefined;
  if (body !== undefined) headers["Content-Type"] = kind;
  output.textContent = "…";
  const began = performance.now();
  try {
    const answer = await fetch(url, { method: method.toUpperCase(), headers, body: body || undefined });
    const text = await answer.text();
    const ms = Math.round(performance.now() - began);
    const told = [...answer.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
    output.dataset.status = answer.status;
    output.textContent = `${method.toUpperCase()} ${url}\n${answer.status} ${answer.statusText} (${ms} ms)\n${told}\n\n${pretty(text)}`;
  } catch (error) {
    output.textContent = String(error);
  }
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function operationBox(path, method, operation, shared) {
  const parameters = [...(shared || []), ...(operation.parameters || [])].map(resolve);
  const [kind, content] = Object.entries(resolve(operation.requestBody).content || {})[0] || [];
  const output = element("pre", { hidden: true });
  const form = element("form", {}, ...parameters.map(field));
  if (content) form.append(element("textarea", { name: "body", value: JSON.stringify(example(content.schema), null, 2), spellcheck: false }));
  form.append(element("p", {}, element("button", {}, "Send")));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    output.hidden = false;
    send(method, path, kind, form, output);
  });
  const lock = operation.security ? " 🔒" : "";
  const head = element("summary", {}, element("b", {}, method.toUpperCase()), element("code", {}, path), element("span", {}, (operation.summary || "") + lock));
  const inside = element("div", { className: "inside" }, element("p", {}, operation.description || ""), form, output, answers(operation));
  return element("details", { className: `operation ${method.toUpperCase()}`, id: operation.operationId || "" }, head, inside);
}

function show() {
  document.getElementById("title").textContent = `${spec.info.title} ${spec.info.version}`;
  document.getElementById("description").textContent = spec.info.description || "";
  const groups = new Map();
  for (const [path, item] of Object.entries(spec.paths)) {
    for (const method of METHODS.filter((name) => item[name])) {
      const tag = (item[method].tags || ["other"])[0];
      if (!groups.has(tag)) groups.set(tag, element("section", {}, element("h2", {}, tag)));
      groups.get(tag).append(operationBox(path, method, item[method], item.parameters));
    }
  }
  const main = document.getElementById("operations");
  main.replaceChildren(...groups.values());
  main.setAttribute("aria-busy", "false");
}

async function logIn(event) {
  event.preventDefault();
  const form = event.target;
  const who = document.getElementById("who");
  const body = JSON.stringify({ username: form.username.value, password: form.password.value, device_name: "documentation" });
  const answer = await fetch("/api/auth/login", { method: "POST", headers: { "Content-Type": "application/json" }, body });
  const told = await answer.json();
  tokens = answer.ok ? told : null;
  who.textContent = answer.ok ? `Logged in as ${form.username.value} for ${told.expires_in / 60} minutes.` : told.detail;
  form.password.value = "";
}

function find(event) {
  const wanted = event.target.value.toLowerCase();
  for (const box of document.querySelectorAll(".operation")) {
    box.hidden = !box.querySelector("summary").textContent.toLowerCase().includes(wanted);
  }
}

async function start() {
  document.getElementById("login").addEventListener("submit", logIn);
  document.getElementById("find").addEventListener("input", find);
  spec = await (await fetch("openapi.json")).json();
  show();
}

start();
