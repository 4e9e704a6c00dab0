// GraphiQL for this server. The page that loads it says which examples and headers to fill in.

import { createGraphiQLFetcher } from '@graphiql/toolkit';
import { GraphiQL } from 'graphiql';
import { createElement } from 'react';
import { createRoot } from 'react-dom/client';
import 'graphiql/style.css';
import './page.css';

const WORKERS = { graphql: 'graphql.worker.js', json: 'json.worker.js' };

globalThis.MonacoEnvironment = {
  getWorker: (_, language) =>
    new Worker(new URL(WORKERS[language] ?? 'editor.worker.js', import.meta.url), { type: 'module' }),
};

const root = document.getElementById('graphiql');
const url = location.origin + location.pathname;
const fetcher = createGraphiQLFetcher({
  url,
  subscriptionUrl: url.replace(/^http/, 'ws'), // the payload of its `connection_init` is the pane of headers
  enableIncrementalDelivery: false,
});

createRoot(root).render(
  createElement(
    GraphiQL,
    {
      fetcher,
      // GraphiQL loses the variables of the first of them; the first example has none.
      defaultTabs: JSON.parse(root.dataset.examples),
      defaultHeaders: root.dataset.headers,
      defaultEditorToolsVisibility: 'variables',
    },
    createElement(GraphiQL.Logo, null, 'Sessiongraph'),
  ),
);
