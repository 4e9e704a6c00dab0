// Prints the types that graphql-codegen makes of the schema and the operations.
import { readFile } from "node:fs/promises";
import { codegen } from "@graphql-codegen/core";
import * as operations from "@graphql-codegen/typescript-operations";
import * as types from "@graphql-codegen/typescript";
import { parse } from "graphql";

const read = async (path) => parse(await readFile(path, "utf8"));
const made = await codegen({
  schema: await read(process.argv[2]),
  documents: [{ location: "operations.graphql", document: await read("operations.graphql") }],
  filename: "sessions.ts",
  config: { scalars: { Cursor: "string", Date: "string", DateTime: "string" }, strictScalars: true },
  pluginMap: { types, operations },
  plugins: [{ types: {} }, { operations: {} }],
});
console.log(JSON.stringify(made));
