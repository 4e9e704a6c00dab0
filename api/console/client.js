// The API, as any client has it: operations over HTTP, changes over a WebSocket that comes back by itself.

import { createClient } from 'graphql-ws';
import operations from './operations.graphql';

const SILENCE_MS = 10_000;
const PATIENCE_MS = 5_000;
const LONGEST_WAIT_MS = 10_000;

/** What the server said no to, or that it could not be asked: then `code` is UNAVAILABLE. */
export class Refusal extends Error {
  constructor(message, code) {
    super(message);
    this.code = code;
  }

  static of({ message, extensions }) {
    return new Refusal(message, extensions?.code);
  }
}

export class Client {
  constructor(url, credential) {
    this.url = url;
    this.headers = credential ? { authorization: `Bearer ${credential}` } : {};
  }

  /** Return the data of an operation; whatever goes wrong is thrown as a Refusal. */
  async ask(operationName, variables = {}) {
    let answer;
    try {
      const response = await fetch(this.url, {
        method: 'POST',
        headers: {
          ...this.headers,
          'content-type': 'application/json',
          accept: 'application/graphql-response+json',
        },
        body: JSON.stringify({ query: operations, operationName, variables }),
      });
      answer = await response.json();
    } catch {
      throw new Refusal('The server cannot be reached.', 'UNAVAILABLE');
    }
    if (answer.errors) throw Refusal.of(answer.errors[0]);
    return answer.data;
  }

  /**
   * Watch the changes after a position. `change` gets each, `connection` true when it begins and false when it
   * is lost, and `refused` what ends it for good. Return a function that stops it.
   */
  watch(filter, after, { change, connection, refused }) {
    // It is sent anew at each connection: with the cursor of the last change, not one is missed.
    const variables = { filter, after };
    let patience;
    let isOver = false;
    const socket = createClient({
      url: this.url.replace(/^http/, 'ws'),
      connectionParams: this.headers,
      keepAlive: SILENCE_MS,
      retryAttempts: Infinity,
      retryWait: (retries) =>
        new Promise((resume) => {
          const longest = Math.min(LONGEST_WAIT_MS, 250 * 2 ** retries);
          setTimeout(resume, longest * (0.5 + Math.random() / 2));
        }),
      shouldRetry: () => true,
      on: {
        connected: () => isOver || connection(true),
        closed: () => {
          clearTimeout(patience);
          if (!isOver) connection(false);
        },
        // A network that went away closes nothing: only silence tells.
        ping: (isReceived) => {
          if (!isReceived) patience = setTimeout(() => socket.terminate(), PATIENCE_MS);
        },
        pong: (isReceived) => isReceived && clearTimeout(patience),
      },
    });
    const cancel = socket.subscribe(
      { query: operations, operationName: 'Watch', variables },
      {
        next: ({ data, errors }) => {
          if (errors) {
            stop();
            refused(Refusal.of(errors[0]));
            return;
          }
          variables.after = data.sessionStatusChanged.cursor;
          change(data.sessionStatusChanged);
        },
        error: (reason) => isOver || refused(refusalOf(reason)),
        complete: () => {},
      },
    );
    function stop() {
      isOver = true;
      clearTimeout(patience);
      cancel(); // with its only subscription the socket is closed
    }
    return stop;
  }
}

/** Errors come as a list, and the closing of a socket as an event. */
function refusalOf(reason) {
  if (Array.isArray(reason)) return Refusal.of(reason[0]);
  const code = reason.code === 4401 ? 'UNAUTHENTICATED' : undefined;
  return new Refusal(reason.reason || 'The connection was closed for good.', code);
}
