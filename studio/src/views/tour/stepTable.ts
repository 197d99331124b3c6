/** What each step of the tour is called, which view it speaks of, and which parts of the page it points at. */
import type { TourStep } from "../../state/tourSteps.ts";
import type { ViewName } from "../../state/viewNames.ts";

export interface StepEntry {
  readonly title: string;
  /** Null where every view will do. */
  readonly view: ViewName | null;
  /** CSS selectors. */
  readonly points: readonly string[];
}

const training = 'section[aria-label="Training"] .transport';

export const stepTable: Readonly<Record<TourStep, StepEntry>> = {
  task: { title: "Small networks and their task", view: null, points: ["header form", training] },
  parts: {
    title: "What a transformer is made of",
    view: "attention",
    points: ['[id^="figure-attention-patterns"] .panels'],
  },
  random: {
    title: "Before training, units already look tuned",
    view: "units",
    points: ["#units-sort", '[aria-label="Units of the layer"]'],
  },
  training: {
    title: "Watch them learn",
    view: "training",
    points: [training, "#figure-loss-curves .panels"],
  },
  feature: {
    title: "What a feature is",
    view: "units",
    points: ['section[aria-label="Unit"] .panels'],
  },
  persistence: { title: "What persists", view: "units", points: ["#layer-finding", "#layer-survival"] },
  distance: {
    title: "What does not persist",
    view: "units",
    points: ['ul[aria-label="Runs"]', "#layer-finding"],
  },
  touch: {
    title: "Touch: what is a part good for?",
    view: "touch",
    points: ['[aria-label^="The network"]', '[id^="figure-touch"] .panels'],
  },
  leak: {
    title: "A loss that is too good",
    view: "training",
    points: ["#view .alarm", "#figure-loss-by-position .panels"],
  },
};
