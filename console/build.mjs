// Bundles the scripts and styles of the console into functions/pages/assets, named by the hash of their content.
//
// The result is committed: a server needs no Node (docs/decisions/0015). `manifest.json` says which names the pages ask for,
// and the hash of the sources, so that a test finds a build that is older than its sources without building.

import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, extname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

import * as esbuild from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const target = process.argv[2] ?? join(here, "..", "functions", "pages", "assets");
const sources = ["build.mjs", "package-lock.json", "tsconfig.json", ...filesOf("source"), ...filesOf("style")];

function filesOf(folder) {
  return readdirSync(join(here, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(here, join(entry.parentPath, entry.name)));
}

function digestOf(names) {
  const digest = createHash("sha256");
  for (const name of [...names].sort()) {
    digest.update(`${name}\0`).update(readFileSync(join(here, name))).update("\0");
  }
  return digest.digest("hex");
}

const result = await esbuild.build({
  absWorkingDir: here,
  entryPoints: { console: "source/main.ts", editor: "source/editor.ts", graph: "source/graph.ts", page: "style/page.css" },
  entryNames: "[name]-[hash]",
  outdir: "out",
  bundle: true,
  charset: "utf8",
  format: "iife",
  legalComments: "none",
  metafile: true,
  minify: true,
  target: ["chrome120", "firefox120", "safari17"],
  write: false,
});

const bundled = Object.keys(result.metafile.inputs).filter((name) => name.startsWith("node_modules/"));
const packages = new Set(bundled.map((name) => name.split("/").slice(1, name.startsWith("node_modules/@") ? 3 : 2).join("/")));
for (const name of packages) {
  // A package may have its own dependencies inside its file, where esbuild does not see them. The set grows while it is read.
  Object.keys(describe(name).dependencies ?? {}).forEach((other) => packages.add(other));
}

function describe(name) {
  return JSON.parse(readFileSync(join(here, "node_modules", name, "package.json"), "utf8"));
}

const licences = [...packages].sort().map((name) => {
  const { version } = describe(name);
  return `${name} ${version}\n\n${readFileSync(join(here, "node_modules", name, "LICENSE"), "utf8").trim()}\n`;
});

rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
const files = {};
for (const file of result.outputFiles) {
  const name = basename(file.path).toLowerCase();
  files[name.replace(/-[^-]*(\.\w+)$/, "$1")] = name;
  writeFileSync(join(target, name), file.contents);
  console.log(`${name}: ${(file.contents.length / 1024).toFixed(1)} kB`);
}
writeFileSync(join(target, "licences.txt"), licences.join("\n---\n\n"));
writeFileSync(join(target, "manifest.json"), `${JSON.stringify({ files, sources: digestOf(sources) }, null, 2)}\n`);
if (extname(files["console.js"] ?? "") !== ".js" || extname(files["page.css"] ?? "") !== ".css") {
  throw new Error("the build lacks its script or its style sheet");
}
