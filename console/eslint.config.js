import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["node_modules", "build.mjs", "eslint.config.js"] },
  ...tseslint.configs.strictTypeChecked,
  ...tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: { parserOptions: { project: "./tsconfig.json", tsconfigRootDir: import.meta.dirname } },
    rules: {
      curly: "error",
      eqeqeq: "error",
      "no-console": "error",
      "@typescript-eslint/explicit-function-return-type": "error",
      // The page's own markup is trusted; text from elsewhere only ever becomes text.
      "no-restricted-properties": ["error", { property: "innerHTML" }, { property: "outerHTML" }],
      "no-restricted-globals": ["error", "eval", "alert", "confirm", "prompt"],
    },
  },
  {
    // node:test returns promises that its runner awaits itself.
    files: ["tests/**"],
    rules: { "@typescript-eslint/no-floating-promises": "off" },
  },
);
