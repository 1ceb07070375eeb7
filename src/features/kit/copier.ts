import type { Template } from '../../lib/variables/template.ts';
import type { UpstreamTlsPolicy } from '../../model/policy.ts';

/** Where copies of requests go, put together once when its route is linked. */
export interface CopyTarget {
  /** Id that `TranslateContext.upstream` gave. */
  readonly upstreamId: string;
  /** Undefined: in the clear. */
  readonly tls?: UpstreamTlsPolicy | undefined;
  /** Path and query. */
  readonly target: Template;
  readonly host: Template;
  /** Whether the body goes along. */
  readonly hasBody: boolean;
}

export interface Copy {
  /** The request goes to its upstream: the copy is made of it as it is now, and leaves as soon as its body has come. Without it there is none. */
  send(): void;
}
