// Compiles a .ksy file to Python: node compile_kaitai.js FILE.ksy FOLDER
const fs = require("fs");
const yaml = require("js-yaml");
const compiler = require("kaitai-struct-compiler");
const [source, into] = process.argv.slice(2);
compiler.compile("python", yaml.load(fs.readFileSync(source, "utf-8")), null, false).then(
  (files) => Object.entries(files).forEach(([name, text]) => fs.writeFileSync(`${into}/${name}`, text)),
  (problem) => { console.error(String(problem)); process.exit(1); },
);
