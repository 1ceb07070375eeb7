/** The object an Event is about. */
export interface EventSubject {
  readonly kind: string;
  readonly apiVersion: string;
  /** Empty for cluster-scoped objects. */
  readonly namespace: string;
  readonly name: string;
  /** Empty when unknown; `kubectl describe` then does not show the Event. */
  readonly uid: string;
}

export interface EventNote {
  readonly subject: EventSubject;
  readonly type: 'Normal' | 'Warning';
  /** CamelCase word. */
  readonly reason: string;
  readonly message: string;
}

/** Takes Events; never throws and never waits. */
export interface EventSink {
  record(note: EventNote): void;
}
