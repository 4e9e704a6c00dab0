// What the pages for front-end developers leave to their readers: where, who, and what to do when it is over.
const [address, token] = process.argv.slice(2);

export const url = address;
export const accessToken = async () => token;
export const signedOut = (change) => say({ signedOut: change ?? null });
export const say = (what) => console.log(JSON.stringify(what));
