/** What a refusal of the service's does to a schedule: this one's process alone, or that which several share. */
export const THROTTLING = {
  /** It is held up for this long at least, … */
  pauseMs: 100,
  /** … and slowed down by this factor, … */
  cut: 0.9,
  /** … down to this share of its pace, … */
  slowest: 0.1,
  /** … once for all refusals that come together; … */
  cutEveryMs: 250,
  /** … then the pace recovers by this share of itself a second. */
  recoveryPerSecond: 0.02,
} as const;
