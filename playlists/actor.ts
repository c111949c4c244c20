import type { Role } from '../src/catalog/api-key.ts';

/** Who asks, where they have shown a credential. */
export interface Actor {
  /** `admin-token`, or the id of a key. */
  readonly id: string;
  readonly role: Role;
}
