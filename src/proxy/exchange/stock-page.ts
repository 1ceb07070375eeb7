import type { ProxyErrorKind } from '../message/proxy-errors.ts';

/** A page as nginx makes it, and the reason phrase of its status line (docs/reference/evaluation-order.md §3). */
export interface StockPage {
  readonly reason: string;
  readonly body: string;
}

/** What `server-tokens` has answers say of the server: the nginx of ingress-nginx's last image. */
export const SERVER_WITH_VERSION = 'nginx/1.27.1';

interface PageText {
  readonly reason: string;
  /** `<title>` and `<h1>`, where they are not the status and its reason. */
  readonly title?: string;
  readonly heading?: string;
  /** A second centred line. */
  readonly line?: string;
}

const TEXTS: Readonly<Record<number, PageText>> = {
  300: { reason: 'Multiple Choices' },
  301: { reason: 'Moved Permanently' },
  302: { reason: 'Moved Temporarily', title: '302 Found' },
  303: { reason: 'See Other' },
  307: { reason: 'Temporary Redirect' },
  308: { reason: 'Permanent Redirect' },
  400: { reason: 'Bad Request' },
  401: { reason: 'Unauthorized', title: '401 Authorization Required' },
  402: { reason: 'Payment Required' },
  403: { reason: 'Forbidden' },
  404: { reason: 'Not Found' },
  405: { reason: 'Not Allowed' },
  406: { reason: 'Not Acceptable' },
  408: { reason: 'Request Time-out' },
  409: { reason: 'Conflict' },
  410: { reason: 'Gone' },
  411: { reason: 'Length Required' },
  412: { reason: 'Precondition Failed' },
  413: { reason: 'Request Entity Too Large' },
  414: { reason: 'Request-URI Too Large' },
  415: { reason: 'Unsupported Media Type' },
  416: { reason: 'Requested Range Not Satisfiable' },
  421: { reason: 'Misdirected Request' },
  429: { reason: 'Too Many Requests' },
  500: { reason: 'Internal Server Error' },
  501: { reason: 'Not Implemented' },
  502: { reason: 'Bad Gateway' },
  503: { reason: 'Service Temporarily Unavailable' },
  504: { reason: 'Gateway Time-out' },
  505: { reason: 'HTTP Version Not Supported' },
  507: { reason: 'Insufficient Storage' },
};

const BAD_REQUEST = '400 Bad Request';

const SPECIAL_TEXTS: Readonly<Record<NonNullable<ProxyErrorKind['page']>, PageText>> = {
  'header-too-large': specialText('Request Header Or Cookie Too Large'),
  'plain-http-on-tls': specialText('The plain HTTP request was sent to HTTPS port'),
  'no-client-certificate': specialText('No required SSL certificate was sent'),
  'bad-client-certificate': specialText('The SSL certificate error'),
};

/** Statuses that nginx has a reason for but no page. */
const REASONS: Readonly<Record<number, string>> = {
  200: 'OK',
  201: 'Created',
  202: 'Accepted',
  204: 'No Content',
  206: 'Partial Content',
  304: 'Not Modified',
};

interface Pages {
  readonly byStatus: ReadonlyMap<number, StockPage>;
  readonly special: ReadonlyMap<string, StockPage>;
}

/** All pages, with this name of the server at their foot. */
function pagesOf(server: string): Pages {
  return {
    byStatus: new Map(
      Object.entries(TEXTS).map(([status, text]) => [
        Number(status),
        pageOf(`${status} ${text.reason}`, text, server),
      ]),
    ),
    special: new Map(
      Object.entries(SPECIAL_TEXTS).map(([name, text]) => [name, pageOf(BAD_REQUEST, text, server)]),
    ),
  };
}

const plainPages = pagesOf('nginx');
const versionedPages = pagesOf(SERVER_WITH_VERSION);

/** The page of a status; an unknown status has an empty one. */
export function stockPage(status: number, name?: ProxyErrorKind['page'], isVersioned = false): StockPage {
  const { byStatus, special } = isVersioned ? versionedPages : plainPages;
  const page = name === undefined ? byStatus.get(status) : special.get(name);
  return page ?? { reason: reasonOf(status), body: '' };
}

/** Reason phrase that nginx sends with a status; empty when it knows none. */
export function reasonOf(status: number): string {
  return REASONS[status] ?? TEXTS[status]?.reason ?? '';
}

function specialText(line: string): PageText {
  return { reason: 'Bad Request', title: `400 ${line}`, heading: BAD_REQUEST, line };
}

function pageOf(
  fallback: string,
  { reason, title = fallback, heading = title, line }: PageText,
  server: string,
): StockPage {
  const body = [
    '<html>',
    `<head><title>${title}</title></head>`,
    '<body>',
    `<center><h1>${heading}</h1></center>`,
    ...(line === undefined ? [] : [`<center>${line}</center>`]),
    `<hr><center>${server}</center>`,
    '</body>',
    '</html>',
    '',
  ].join('\r\n');
  return { reason, body };
}
