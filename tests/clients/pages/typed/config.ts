// What the page on TypeScript leaves to its readers.
declare const process: { argv: string[] };

export const [, , url = "", token = ""] = process.argv;
export const accessToken = async () => token;
