"""Random pictures in Fashion-MNIST's shape, in memory or behind a DataLoader with torchvision's transforms."""

import torch


def pictures(rows, seed=1):
    """Bytes `[rows, 28, 28]` and classes `[rows]`."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(256, (rows, 28, 28), generator=generator, dtype=torch.uint8)
    return images, torch.randint(10, (rows,), generator=generator)


def held(rows, device, channels_last):
    """Floats `[rows, 1, 28, 28]` normalized to -1..1, and classes, on the device."""
    images, labels = pictures(rows)
    images = images.unsqueeze(1).float().div_(255).sub_(0.5).div_(0.5).to(device)
    if channels_last:
        images = images.to(memory_format=torch.channels_last)
    return images, labels.to(device)


class Pictures(torch.utils.data.Dataset):
    """As torchvision's FashionMNIST: a PIL image a row, through its transforms."""

    def __init__(self, rows, augment):
        from torchvision import transforms

        self.images, self.labels = pictures(rows)
        steps = [transforms.RandomHorizontalFlip(0.5), transforms.RandomRotation(5)] if augment else []
        steps += [transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))]
        self.transform = transforms.Compose(steps)

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        from PIL import Image

        return self.transform(Image.fromarray(self.images[index].numpy(), mode="L")), int(self.labels[index])


def loader(rows, batch, shuffle, workers, augment):
    """The usual DataLoader; its workers stay between epochs, which is the kinder way."""
    return torch.utils.data.DataLoader(
        Pictures(rows, augment), batch_size=batch, shuffle=shuffle, num_workers=workers, persistent_workers=workers > 0
    )
