// What an admin console asks for, as Relay wants it written.
import { graphql } from "relay-runtime";

graphql`
  fragment Sessions_row on Session {
    id
    userId
    status
    authMethod
    isCurrent
    createdAt
    impersonator {
      email
    }
  }
`;

graphql`
  fragment Sessions_list on Query
  @argumentDefinitions(
    filter: { type: "SessionFilter" }
    count: { type: "Int", defaultValue: 20 }
    cursor: { type: "String" }
  )
  @refetchable(queryName: "SessionsPageQuery") {
    sessions(filter: $filter, first: $count, after: $cursor) @connection(key: "Sessions_sessions") {
      asOf
      totalCount
      edges {
        node {
          ...Sessions_row
        }
      }
    }
  }
`;

graphql`
  fragment Sessions_detail on Session @refetchable(queryName: "SessionsDetailQuery") {
    ...Sessions_row
    history {
      cursor
      status
      previousStatus
      endedBy
      occurredAt
    }
  }
`;

graphql`
  query SessionsQuery($filter: SessionFilter) {
    viewer {
      kind
      session {
        ...Sessions_detail
      }
      sessions(first: 5) @connection(key: "SessionsOwn_sessions") {
        edges {
          node {
            ...Sessions_row
          }
        }
      }
    }
    ...Sessions_list @arguments(filter: $filter)
  }
`;

graphql`
  mutation SessionsEndMutation($input: EndSessionInput!) {
    endSession(input: $input) {
      outcome
      session {
        ...Sessions_row
        endedAt
        endReason
      }
    }
  }
`;

graphql`
  subscription SessionsChangedSubscription($filter: SessionFilter, $after: Cursor) {
    sessionStatusChanged(filter: $filter, after: $after) {
      cursor
      status
      session {
        ...Sessions_row
      }
    }
  }
`;
