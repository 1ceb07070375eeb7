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
  /**
   * Set for what goes on: one Event stands for it, whichever replica writes it and however often it starts. One that is there already is left as it
   * is where the matter was `standing` before, and counts up where it has `arisen`.
   */
  readonly lasting?: 'standing' | 'arisen';
}

/** Takes Events; never throws and never waits. */
export interface EventSink {
  record(note: EventNote): void;
}
