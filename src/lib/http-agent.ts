import type { Agent as AgentType, Dispatcher } from 'undici';
import requestOf from 'undici/lib/api/api-request.js';
import AgentOfUndici from 'undici/lib/dispatcher/agent.js';

/** undici's agent, without the rest of undici. */
export const Agent = AgentOfUndici;
export type Agent = AgentType;

/** Asks an agent. */
export function ask(agent: Agent, options: Dispatcher.RequestOptions): Promise<Dispatcher.ResponseData> {
  return requestOf.call(agent, options);
}

/** Asks a URL over an agent, as undici's `request` does. */
export function request(
  url: string,
  {
    dispatcher,
    ...options
  }: Omit<Dispatcher.RequestOptions, 'origin' | 'path'> & { readonly dispatcher: Agent },
): Promise<Dispatcher.ResponseData> {
  const { origin, pathname, search } = new URL(url);
  return ask(dispatcher, { ...options, origin, path: `${pathname}${search}` });
}
