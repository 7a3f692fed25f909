/** Turns TypeScript into what Node reads, with the compiler that is there anyway: no types are looked at (`npm run check` does). */
const ts = require('typescript');

const compilerOptions = {
  module: ts.ModuleKind.CommonJS,
  target: ts.ScriptTarget.ES2022,
  jsx: ts.JsxEmit.React,
  esModuleInterop: true,
  inlineSourceMap: true,
  inlineSources: true
};

module.exports = {
  process: (text, fileName) => ({ code: ts.transpileModule(text, { compilerOptions, fileName }).outputText })
};
