/** What the editor of an environment offers where something is typed: functions, inputs of providers, environments, references. */

export interface Schema {
  type?: string;
  description?: string;
  properties?: Record<string, Schema | boolean>;
  oneOf?: (Schema | boolean)[];
  anyOf?: (Schema | boolean)[];
}

export interface Described {
  name: string;
  description: string;
  inputs: Schema | boolean;
}

export interface Catalogue {
  functions: string[];
  providers: Described[];
  rotators: Described[];
  environments: string[];
}

export interface Offer {
  label: string;
  detail: string;
  /** What is inserted: the label, with a colon after a key. */
  text: string;
}

export interface Offers {
  /** The column from which the text before the cursor is replaced, counted from 0. */
  from: number;
  offers: Offer[];
}

const KEY = /^(\s*(?:- )?\s*)("?)([\w:.-]*)$/;
const REFERENCE = /\$\{([\w.-]*)$/;
const ITEM = /^(\s*- )\s*([\w/.@-]*)$/;
const RESERVED = ["environmentVariables", "pulumiConfig", "files"];

/** Return the keys of the mappings around a line, outermost first. */
export function keysAround(lines: readonly string[], at: number): string[] {
  const keys: string[] = [];
  let indent = indentOf(lines[at] ?? "");
  for (let number = at - 1; number >= 0 && indent > 0; number -= 1) {
    const line = lines[number] ?? "";
    const key = /^\s*(?:- )?"?([\w:.-]+?)"?:(?:\s|$)/.exec(line)?.[1];
    if (line.trim() !== "" && !line.trimStart().startsWith("#") && indentOf(line) < indent && key !== undefined) {
      keys.unshift(key);
      indent = indentOf(line);
    }
  }
  return keys;
}

/** Return what can be written before the cursor, which is at a column of a line; undefined for nothing. */
export function offersAt(lines: readonly string[], at: number, column: number, catalogue: Catalogue): Offers | undefined {
  const before = (lines[at] ?? "").slice(0, column);
  const reference = REFERENCE.exec(before);
  if (reference !== null) {
    return { from: column - (reference[1] ?? "").length, offers: references(lines) };
  }
  const keys = keysAround(lines, at);
  const item = ITEM.exec(before);
  if (item !== null && (keys[0] === "imports" || topKeyAbove(lines, at) === "imports")) {
    const offers = catalogue.environments.map((name) => ({ label: name, detail: "environment", text: name }));
    return { from: (item[1] ?? "").length, offers };
  }
  const key = KEY.exec(before);
  if (key === null) {
    return undefined;
  }
  return { from: (key[1] ?? "").length + (key[2] ?? "").length, offers: keyOffers(keys, indentOf(before), catalogue) };
}

function keyOffers(keys: readonly string[], indent: number, catalogue: Catalogue): Offer[] {
  if (indent === 0) {
    return [offer("imports", "environments that this one imports"), offer("values", "the values of the environment")];
  }
  if (keys[0] !== "values") {
    return [];
  }
  const inputs = inputsAround(keys, catalogue);
  if (inputs !== undefined) {
    return propertiesOf(inputs).map(([name, schema]) => offer(name, describe(schema)));
  }
  const functions = [
    ...catalogue.functions.map((name) => offer(name, "function")),
    ...catalogue.providers.map((item) => offer(`fn::open::${item.name}`, item.description)),
    ...catalogue.rotators.map((item) => offer(`fn::rotate::${item.name}`, item.description)),
  ];
  return keys.length === 1 ? [...RESERVED.map((name) => offer(name, "reserved")), ...functions] : functions;
}

/** Return the schema of what is written inside the call of a provider or a rotator, or undefined outside of one. */
function inputsAround(keys: readonly string[], catalogue: Catalogue): Schema | boolean | undefined {
  const at = keys.findLastIndex((key) => key.startsWith("fn::"));
  const [, kind, name] = /^fn::(open|rotate)::(.+)$/.exec(keys[at] ?? "") ?? [];
  const item = (kind === "open" ? catalogue.providers : catalogue.rotators).find((described) => described.name === name);
  if (kind === undefined || item === undefined) {
    return undefined;
  }
  const path = keys.slice(at + 1);
  if (kind === "rotate") {
    if (path.length === 0) {
      return { properties: { inputs: true } };
    }
    path.shift();
  }
  let schema: Schema | boolean | undefined = item.inputs;
  for (const key of path) {
    schema = Object.fromEntries(propertiesOf(schema))[key] ?? true;
  }
  return schema;
}

function propertiesOf(schema: Schema | boolean): [string, Schema | boolean][] {
  if (typeof schema === "boolean") {
    return [];
  }
  const others = [...(schema.oneOf ?? []), ...(schema.anyOf ?? [])].flatMap(propertiesOf);
  return [...Object.entries(schema.properties ?? {}), ...others];
}

function references(lines: readonly string[]): Offer[] {
  const start = lines.findIndex((line) => line.startsWith("values:"));
  const found: string[] = [];
  let indent = 0;
  for (const line of start < 0 ? [] : lines.slice(start + 1)) {
    const key = /^( +)"?([A-Za-z_][\w-]*)"?:/.exec(line);
    if (/^\S/.test(line) && !line.startsWith("#")) {
      break;
    }
    if (key !== null) {
      indent ||= (key[1] ?? "").length;
      if ((key[1] ?? "").length === indent) {
        found.push(key[2] ?? "");
      }
    }
  }
  const names = [...new Set(found)].filter((name) => !RESERVED.includes(name));
  return [
    ...names.map((name) => ({ label: name, detail: "value", text: name })),
    { label: "context", detail: "who opens the environment", text: "context" },
    { label: "environments", detail: "values of another environment", text: "environments" },
  ];
}

function topKeyAbove(lines: readonly string[], at: number): string | undefined {
  for (let number = at - 1; number >= 0; number -= 1) {
    const key = /^([\w-]+):/.exec(lines[number] ?? "")?.[1];
    if (key !== undefined) {
      return key;
    }
  }
  return undefined;
}

function indentOf(line: string): number {
  return /^ */.exec(line)?.[0].length ?? 0;
}

function offer(name: string, detail: string): Offer {
  return { label: name, detail, text: `${name}: ` };
}

function describe(schema: Schema | boolean): string {
  return typeof schema === "boolean" ? "" : (schema.description ?? schema.type ?? "");
}
